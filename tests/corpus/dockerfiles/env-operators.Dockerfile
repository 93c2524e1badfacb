FROM debian:12
ENV F=a/b.tar.gz
ENV G=${F##*/} H=${F%.gz} I=${F:-x} J=${N:+y}
