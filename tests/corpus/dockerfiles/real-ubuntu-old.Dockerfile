FROM ubuntu:18.04
MAINTAINER team@example.com
RUN apt-get update
RUN apt-get -y upgrade
RUN apt-get install -y python3-pip wget
RUN wget http://example.com/tool.tar.gz && tar xzf tool.tar.gz
RUN rm tool.tar.gz
CMD ["python3"]
