FROM registry.access.redhat.com/ubi9/ubi-minimal:9.6
RUN microdnf install -y python3 && microdnf clean all
USER 1001
CMD ["python3"]
