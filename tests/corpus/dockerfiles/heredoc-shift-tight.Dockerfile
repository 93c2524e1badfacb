FROM debian:12
RUN echo $((1<<3))
