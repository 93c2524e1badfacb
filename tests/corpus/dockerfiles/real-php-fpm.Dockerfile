FROM composer:2 AS vendor
COPY composer.json composer.lock ./
RUN composer install --no-dev --no-scripts --prefer-dist
FROM php:8.4-fpm-alpine
RUN apk add --no-cache icu-libs && docker-php-ext-install opcache
WORKDIR /app
COPY --from=vendor /app/vendor vendor
COPY . .
USER www-data
