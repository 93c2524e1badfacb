FROM nginxinc/nginx-unprivileged:1.29
COPY --chown=101:101 html /usr/share/nginx/html
