FROM debian:12
RUN cat <<A > /a && cat <<B > /b
first
A
second
B
