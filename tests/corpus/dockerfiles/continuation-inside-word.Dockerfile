FROM deb\
ian:12
RUN ec\
ho a
