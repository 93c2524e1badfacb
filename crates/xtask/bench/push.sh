#!/bin/bash
set -euo pipefail

# Configuration
AWS_REGION="${AWS_REGION:-us-east-1}"
IMAGE_NAME="${IMAGE_NAME:?IMAGE_NAME required}"
VERSION="${VERSION:-$(git describe --tags --always)}"

# Get AWS account ID
ACCOUNT_ID=$(aws sts get-caller-identity --query Account --output text)
# The one line that differs from the original: the registry is a local one.
ECR_REGISTRY="${BENCH_REGISTRY:?BENCH_REGISTRY required}"

# Authenticate to ECR
echo "Authenticating to ECR..."
aws ecr get-login-password --region "${AWS_REGION}" | \
    docker login --username AWS --password-stdin "${ECR_REGISTRY}"

# Create repository if it doesn't exist
echo "Ensuring repository exists..."
aws ecr describe-repositories --repository-names "${IMAGE_NAME}" 2>/dev/null || \
    aws ecr create-repository \
        --repository-name "${IMAGE_NAME}" \
        --image-scanning-configuration scanOnPush=true \
        --encryption-configuration encryptionType=AES256

# Build image
echo "Building image..."
docker build \
    --build-arg VERSION="${VERSION}" \
    --build-arg BUILD_DATE="$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    -t "${IMAGE_NAME}:${VERSION}" \
    -t "${IMAGE_NAME}:latest" \
    .

# Tag for ECR
docker tag "${IMAGE_NAME}:${VERSION}" "${ECR_REGISTRY}/${IMAGE_NAME}:${VERSION}"
docker tag "${IMAGE_NAME}:latest" "${ECR_REGISTRY}/${IMAGE_NAME}:latest"

# Push to ECR
echo "Pushing to ECR..."
docker push "${ECR_REGISTRY}/${IMAGE_NAME}:${VERSION}"
docker push "${ECR_REGISTRY}/${IMAGE_NAME}:latest"

echo "Successfully pushed ${ECR_REGISTRY}/${IMAGE_NAME}:${VERSION}"
