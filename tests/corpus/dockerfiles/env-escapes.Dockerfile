FROM debian:12
ENV A=\$HOME B="\"quoted\"" C='$HOME'
