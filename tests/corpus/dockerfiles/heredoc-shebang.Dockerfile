FROM python:3.13-slim
RUN <<EOF
#!/usr/bin/env python3
print("a | b")
EOF
