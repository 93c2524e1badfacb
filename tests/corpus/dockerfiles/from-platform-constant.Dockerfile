FROM --platform=linux/arm64/v8 debian:12
