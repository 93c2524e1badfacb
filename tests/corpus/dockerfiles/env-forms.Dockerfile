FROM debian:12
ENV A=1 B="two words" C='x' D=e\ f
ENV OLD the old form with = signs
ENV PATH=/opt/bin:$PATH
