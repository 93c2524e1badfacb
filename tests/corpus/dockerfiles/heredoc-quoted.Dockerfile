FROM debian:12
RUN <<"EOF"
echo $HOME
EOF
RUN <<'X'
echo `date`
X
