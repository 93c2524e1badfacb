from debian:12 as base
from base
run true
