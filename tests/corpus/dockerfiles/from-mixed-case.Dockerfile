From debian:12 As Build
Run true
Copy --from=BUILD /etc/hostname /h
