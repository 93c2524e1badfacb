FROM debian:12
RUN cat 3<<EOF <&3
a
EOF
