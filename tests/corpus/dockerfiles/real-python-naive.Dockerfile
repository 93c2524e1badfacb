FROM python:latest
COPY . /app
WORKDIR /app
RUN pip install flask requests
RUN apt-get update
RUN apt-get install -y curl
CMD python app.py
