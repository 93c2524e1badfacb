FROM debian:12
ADD --keep-git-dir=true https://github.com/moby/buildkit.git#v0.20.0 /buildkit
ADD git@example.com:a/b.git /b
