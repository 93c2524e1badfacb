FROM python:3.13 AS base
FROM base AS python
FROM python
