FROM registry.example/rockylinux:9.3
ARG TARGET=/opt/tools
ENV ROOT=/opt BIN=$ROOT/bin
RUN yum install gcc
COPY install.tar /tmp/install.tar
RUN tar -xf /tmp/install.tar -C $ROOT
RUN rm /tmp/install.tar
ADD run.sh $TARGE/
COPY id_rsa /root/.ssh/id_rsa
USER tools
