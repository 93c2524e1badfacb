FROM hashicorp/terraform:1.13 AS terraform
FROM alpine:3.22
COPY --from=terraform /bin/terraform /usr/local/bin/
RUN apk add --no-cache aws-cli git
ENTRYPOINT ["terraform"]
