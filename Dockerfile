# PyTorch with CUDA, and the project built by the same two scripts as everywhere.
# `bash docker_build.sh` builds it.
ARG BASE=pytorch/pytorch:2.9.0-cuda13.0-cudnn9-runtime
FROM ${BASE}

ENV PCR_SYSTEM_PYTHON=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

# First what seldom changes, so that an edit of the project rebuilds only the last layers.
WORKDIR /opt/pcr
COPY install_python_deps.sh requirements.txt requirements-gpu.txt ./
COPY scripts/environment.sh scripts/check_requirements.py scripts/
# Images are built where no driver is loaded, for machines where one is.
RUN PCR_CPU=0 bash install_python_deps.sh

COPY . .
RUN bash init_repo.sh && rm -rf /var/lib/apt/lists/*

# What the user installs goes to the mounted folder, so that it outlives the container. There
# init_repo.sh puts a mounted checkout, which Python then imports instead of /opt/pcr.
ENV PYTHONUSERBASE=/workspace/build/container

# Files written to the mounted folder belong to this user: docker_build.sh passes the caller's ids.
# The base may already hold a user with these ids (Ubuntu's is called ubuntu).
ARG USER_ID=1000
ARG GROUP_ID=1000
RUN groupadd --non-unique --gid "${GROUP_ID}" pcr && \
    useradd --non-unique --no-log-init --create-home --uid "${USER_ID}" --gid "${GROUP_ID}" pcr
USER ${USER_ID}:${GROUP_ID}

WORKDIR /workspace
EXPOSE 6006
CMD ["bash"]
