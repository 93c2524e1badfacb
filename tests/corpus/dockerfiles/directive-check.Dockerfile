# check=skip=JSONArgsRecommended;error=true
FROM debian:12
CMD echo a
