FROM jenkins/inbound-agent:latest
USER root
RUN apt-get update && apt-get install -y docker.io maven && rm -rf /var/lib/apt/lists/*
RUN usermod -aG docker jenkins
USER jenkins
