FROM debian:12
MAINTAINER Jo Doe <jo@example.com>
