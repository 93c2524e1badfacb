ARG A
ARG B=1
ARG C="two words" D='three' E
FROM debian:12
ARG A B C
ARG F=${B:-x}
RUN echo $A$B$C$F
