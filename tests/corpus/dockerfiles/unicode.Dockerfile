FROM debian:12
LABEL name="Größe" emoji="🚀"
RUN echo "日本語" && echo naïve
