FROM centos:7
RUN yum -y install epel-release; yum install nginx
RUN curl -k https://example.com/a.rpm -o /tmp/a.rpm && rpm -i --nosignature /tmp/a.rpm
EXPOSE 80 443
CMD service nginx start && tail -f /var/log/nginx/access.log
