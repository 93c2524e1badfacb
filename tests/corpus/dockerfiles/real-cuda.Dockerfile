FROM nvidia/cuda:12.9.0-cudnn-runtime-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
RUN pip3 install torch==2.8.0 --index-url https://download.pytorch.org/whl/cu129
COPY train.py /
CMD ["python3", "/train.py"]
