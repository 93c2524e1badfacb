# one
   # two
FROM debian:12
#three
RUN echo a # not a comment for the builder
	# four
USER 1000
# five
