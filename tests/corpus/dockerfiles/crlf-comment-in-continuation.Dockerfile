FROM debian:12
RUN echo a \
# at the start of the line
    && echo b \
    # indented
    && echo c
