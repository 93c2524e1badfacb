FROM python:3.13-slim
COPY . .
COPY .env id_rsa /root/.ssh/
RUN chmod 600 /root/.ssh/id_rsa && pip install -r requirements.txt
