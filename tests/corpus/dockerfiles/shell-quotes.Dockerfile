FROM debian:12
RUN echo 'a "b" $c' "d 'e' \"f\" $g" h\ i $'j\n' ""
