FROM debian:12
ENTRYPOINT ["/entry.sh"]
CMD ["--help"]
