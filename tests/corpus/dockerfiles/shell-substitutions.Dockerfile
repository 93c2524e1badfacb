FROM debian:12
RUN V=$(cat /etc/debian_version) && echo "$V" `date` && echo $((1 + 2)) ${V%%.*}
