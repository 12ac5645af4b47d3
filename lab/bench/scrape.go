// Serve series as gauges of client_golang, for the benchmark of a scrape.
// Standard input has the series first, then questions, all as JSON; each answer is a line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type sample struct {
	Name, Help string
	Labels     prometheus.Labels
	Value      float64
}

func main() {
	input := json.NewDecoder(os.Stdin)
	registry := prometheus.NewRegistry()
	children := makeGauges(input, registry)
	runtime.GC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	var question string
	for input.Decode(&question) == nil {
		before := cpuSeconds()
		switch question {
		case "port":
			fmt.Println(listener.Addr().(*net.TCPAddr).Port)
		case "change":
			for _, child := range children {
				child.Inc()
			}
			fmt.Println(cpuSeconds() - before)
		case "cpu":
			fmt.Println(before)
		}
	}
}

// makeGauges returns a gauge's child for each sample.
func makeGauges(input *json.Decoder, registry *prometheus.Registry) (children []prometheus.Gauge) {
	var samples []sample
	if err := input.Decode(&samples); err != nil {
		log.Fatal(err)
	}
	gauges := map[string]*prometheus.GaugeVec{}
	for _, sample := range samples {
		gauge, known := gauges[sample.Name]
		if !known {
			var names []string
			for name := range sample.Labels {
				names = append(names, name)
			}
			gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: sample.Name, Help: sample.Help}, names)
			registry.MustRegister(gauge)
			gauges[sample.Name] = gauge
		}
		child := gauge.With(sample.Labels)
		child.Set(sample.Value)
		children = append(children, child)
	}
	return children
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
