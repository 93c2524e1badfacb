FROM wordpress:6-php8.3-apache
RUN set -ex; \
	apt-get update; \
	apt-get install -y --no-install-recommends less; \
	rm -rf /var/lib/apt/lists/*; \
	curl -o /usr/local/bin/wp -fSL https://example.com/wp.phar; \
	chmod +x /usr/local/bin/wp
COPY --chown=www-data:www-data themes/ /var/www/html/wp-content/themes/
