FROM nginx:1.27
{% for name, value in param.headers | items %}
ENV {{ name }}={{ value | env_value }}
{% endfor %}
COPY {{ param.root }} /usr/share/nginx/html
