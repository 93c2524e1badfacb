FROM debian:12
COPY <<a.txt <<"b.txt" c /d/
one
a.txt
two $HOME
b.txt
