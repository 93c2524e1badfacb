{% block environment %}
# The queue of this worker
ENV QUEUE={{ param.queue | env_value }}
{{ super() }}
{% endblock %}
