FROM alpine
RUN apk update && apk add bash
SHELL ["/bin/bash", "-c"]
RUN curl -sL https://example.com/install.sh | bash
