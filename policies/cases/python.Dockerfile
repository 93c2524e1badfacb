FROM python:3.9 AS build
ENV PATH=/opt/bin:$PATH GREETING=$GREETING-you
WORKDIR app
RUN apt-get update && apt-get install -y git
RUN apt-get update
RUN apt-get install build-essential
COPY . .
RUN sudo pip install -r requirements.txt
RUN chmod -R 777 /app
RUN curl -k https://example.com/install.sh | sh
RUN apt-get install -y --allow-unauthenticated gcc && rm -rf /var/lib/apt/lists/*
RUN apt-get purge -y gcc
RUN rm -rf /app/tests
CMD python main.py
CMD ["python", "main.py"]
USER 10001
