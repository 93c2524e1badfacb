// main.go
package main

import (
    "net/http"
    "encoding/json"
)

func main() {
    http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
        json.NewEncoder(w).Encode(map[string]string{"status": "healthy"})
    })
    http.ListenAndServe(":8080", nil)
}
