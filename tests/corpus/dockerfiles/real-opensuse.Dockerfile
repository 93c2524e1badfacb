FROM opensuse/leap:15.6
RUN zypper --non-interactive install curl
RUN zypper install -y git && zypper clean
CMD ["curl"]
