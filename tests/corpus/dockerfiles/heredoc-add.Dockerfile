FROM debian:12
ADD <<robots.txt /usr/share/nginx/html/
User-agent: *
robots.txt
