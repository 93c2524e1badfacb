package main

import "acme.example/services/internal/serve"

func main() { serve.Run("tax") }
