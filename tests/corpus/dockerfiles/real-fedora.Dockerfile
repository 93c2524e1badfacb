FROM fedora:43
RUN dnf install -y httpd && dnf clean all
RUN dnf -y install git
EXPOSE 80
CMD ["/usr/sbin/httpd", "-DFOREGROUND"]
