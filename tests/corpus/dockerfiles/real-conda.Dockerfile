FROM continuumio/miniconda3:25.3.1-1
COPY environment.yml .
RUN conda env create -f environment.yml && conda clean -afy
SHELL ["conda", "run", "-n", "app", "/bin/bash", "-c"]
RUN python -c "import numpy"
ENTRYPOINT ["conda", "run", "-n", "app", "python", "run.py"]
