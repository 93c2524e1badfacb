{% block system %}
{{ super() }}
RUN useradd --system auditor
{% endblock %}
{% block command %}
LABEL tier={{ param.tier }} port={{ param.port }}
{{ super() }}
{% endblock %}
