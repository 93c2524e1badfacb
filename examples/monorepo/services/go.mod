module acme.example/services

go 1.22
