FROM debian:12
RUN echo a > /a 2>&1; cat < /a >> /b 2> /dev/null; echo c &> /d; exec 3>&1
