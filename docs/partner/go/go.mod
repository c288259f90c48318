module otkel.example/receive

go 1.27
