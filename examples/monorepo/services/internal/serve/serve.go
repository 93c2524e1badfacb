// Package serve runs a service that says who it is.
package serve

import (
	"fmt"
	"log"
	"net/http"
)

// Run serves until the process ends.
func Run(name string) {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, name)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
