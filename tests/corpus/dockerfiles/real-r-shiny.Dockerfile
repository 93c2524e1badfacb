FROM rocker/shiny:4.5
RUN R -e "install.packages(c('shiny', 'dplyr'))"
COPY app.R /srv/shiny-server/
