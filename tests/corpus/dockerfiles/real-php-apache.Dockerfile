FROM php:8.4-apache
RUN docker-php-ext-install pdo_mysql && a2enmod rewrite
COPY . /var/www/html/
RUN chmod -R 777 /var/www/html/storage
