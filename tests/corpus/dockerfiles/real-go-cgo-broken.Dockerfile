FROM golang:1.27 AS build
WORKDIR /src
COPY . .
RUN go mod download
RUN GOARCH=amd64 go build -o /app .
FROM scratch
COPY --from=build /app /app
CMD ["/app"]
